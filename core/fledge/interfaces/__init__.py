"""The abstract classes a plugin implements, and the plain objects that pass between them and the core."""
