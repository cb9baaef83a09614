# Stands in for requests, of which kubernetes.client.rest imports one function.
