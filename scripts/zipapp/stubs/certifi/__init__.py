# kubernetes.client.rest asks for a default CA file; clients/kube.py gives a context of its own instead.
def where():
    return None
