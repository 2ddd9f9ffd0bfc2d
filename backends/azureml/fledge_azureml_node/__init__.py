"""What runs on a node of Azure Machine Learning: it travels with each job, and needs the standard library alone."""
