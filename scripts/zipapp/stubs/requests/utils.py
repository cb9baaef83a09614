# kubernetes.client.rest asks this of a proxy that it was given; clients/auth/proxy.py has decided already.
def should_bypass_proxies(url, no_proxy):
    return False
