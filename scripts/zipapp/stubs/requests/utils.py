# kubernetes.client.rest imports this, and only its own constructor calls it.
should_bypass_proxies = None
