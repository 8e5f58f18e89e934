"""Files of devices and hospital systems: Holters, electrocardiographs, watches, laboratories."""
