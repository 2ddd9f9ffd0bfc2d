"""What data sets need in common: fetching, unpacking, and making sense of a folder of images."""
