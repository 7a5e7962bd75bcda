"""A model over data through the product's own sense: what metrics compare and what calibration records."""
