"""Transform: imputes and scales numbers, numbers the categories, and packs all features into one vector."""
