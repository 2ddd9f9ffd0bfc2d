"""A loopback Azure: answers the real clients of Azure Machine Learning on this machine, and executes what they submit.

Its replies are our own reading of the service: they prove our side of the conversation, not Azure's.
"""
