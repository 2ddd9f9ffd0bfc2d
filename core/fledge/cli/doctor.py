"""`fledge doctor`: is everything here as a run needs it?"""

from fledge.cli.words import AsJson


def doctor(as_json: AsJson = False) -> int:
    """Look at Python, torch, devices, plugins, folders and backends; exit status 1 where something is wrong."""
    from fledge.cli.printing import print_json
    from fledge.discovery.discover import discover
    from fledge.doctor import examine
    from fledge.runs.places import home

    wrong = False
    for one in examine(discover(), home()):
        wrong |= one.finding.level == "error"
        if as_json:
            print_json(one.to_dict())
            continue
        print(f"{one.finding.level:<8} {one.subject}: {one.finding.message}", flush=True)
        if one.finding.remedy:
            print(f"{'':9}{one.finding.remedy}")
    return int(wrong)
