"""What runs on a node of Azure Machine Learning: it travels with each job, and needs the standard library alone."""

from fledge_azureml_node.least_python import check_python

# Before anything else here is read, which an older Python cannot do.
check_python()
