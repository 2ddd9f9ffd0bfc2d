"""What a run came to, as pictures: one page for a browser, and the same in a notebook."""
