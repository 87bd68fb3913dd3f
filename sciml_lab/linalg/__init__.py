"""The linear algebra under implicit methods: Jacobians, factors, iterations."""
