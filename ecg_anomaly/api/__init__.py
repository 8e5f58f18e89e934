"""What `import ecg_anomaly` offers: the functions of the scripts for notebooks and programs."""
