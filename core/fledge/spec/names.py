"""What may name an experiment, a model or an alias: it becomes a folder's name on any machine."""

import re

NAME_PATTERN = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$")
NAME_WORDS = "1 to 128 letters (a to z), digits, '.', '_' and '-', and begins with a letter or digit"
