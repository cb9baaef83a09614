# Stands in for certifi, which kubernetes.client.rest imports and only its own constructor uses: its CA bundle
# is not shipped.
