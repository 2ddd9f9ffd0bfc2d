"""`fledge runs show`."""

from fledge.cli.runs.words import Run
from fledge.cli.words import AsJson


def show(run: Run, as_json: AsJson = False) -> None:
    """All about one run."""
    from fledge.cli.context import context
    from fledge.cli.printing import print_json
    from fledge.plan.make import to_toml
    from fledge.resumption import look
    from fledge.runs.summary import description, profile_lines

    found, backend = context().run(run)
    told = description(found, look(found, backend))
    if as_json:
        print_json(told)
        return
    for key, value in told.items():
        if key in ("spec", "profile"):
            continue
        if key == "metrics":
            for name, number in value.items():
                print(f"  {name} = {number}")
        elif value is not None:
            print(f"{key}: {value}")
    if told["profile"]:
        print("\n".join(profile_lines(told["profile"])))
    print("spec:\n" + to_toml(told["spec"]).strip())
