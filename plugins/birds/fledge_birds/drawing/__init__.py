"""Pictures of two bird species, drawn with Pillow and NumPy from nothing but a seed."""
