"""The gateway: other programs ask by HTTP; it holds their connections and no models, and lets the resident answer."""
