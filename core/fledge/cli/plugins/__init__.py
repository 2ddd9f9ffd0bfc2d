"""`fledge plugins`: what is installed, whether it works, and how to make another."""
