"""What this distribution's extras bring."""


def install(sdk: str) -> str:
    """How to have one of Microsoft's SDKs, v1 or v2. By the folder: ours is on no index."""
    return f"in fledge's checkout: pip install -e 'backends/azureml[{sdk}]'"
