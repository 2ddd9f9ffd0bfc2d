"""`fledge doctor`: is everything here as a run needs it?"""

from fledge.cli.words import AsJson


def doctor(as_json: AsJson = False) -> int:
    """Look at Python, torch, devices, plugins, folders and backends; exit status 1 where something is wrong."""
    from fledge.cli.printing import print_finding, print_json
    from fledge.discovery.discover import discover
    from fledge.doctor import examine
    from fledge.runs.places import home

    wrong = False
    for one in examine(discover(), home()):
        wrong |= one.finding.level == "error"
        print_json(one.to_dict()) if as_json else print_finding(one.finding, f"{one.subject}: ")
    return int(wrong)
