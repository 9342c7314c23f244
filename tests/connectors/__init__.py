"""The contract that every connector fulfils, tested on real databases."""
