"""From evidence to an answer: route, claims, compare, answer."""
