"""What the image is made of: densities and materials; metal, cement and contrast are found and asked about."""
