"""Many subscribers of one migration, in processes of their own, each as careful as a good client is."""
