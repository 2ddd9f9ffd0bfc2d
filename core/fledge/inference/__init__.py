"""From images to labels, by an exported file: prediction and serving. Needs no torch."""
