"""What runs on the cluster: it travels with each job, and needs Ray and the standard library alone."""
