"""What trained baselines are built from: encoders, views, losses and one training loop."""
