"""What the overlay answers instead of moto: one module per service, found by walking the package."""
