"""All that a built Horovod depends on; a change of any file here is another recipe, and another wheel."""
