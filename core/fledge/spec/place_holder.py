"""What `fledge spec init` writes where a person must."""

PLACE_HOLDER = "FILL-IN"
