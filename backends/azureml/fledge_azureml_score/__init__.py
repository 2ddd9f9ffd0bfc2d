"""What answers at an endpoint of Azure Machine Learning: the program of `fledge serve`, behind Azure's own server."""
