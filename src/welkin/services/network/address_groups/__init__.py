"""Address groups: lists of ranges that rules of security groups can name."""
