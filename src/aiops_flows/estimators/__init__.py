"""Estimators with scikit-learn's manners that the shipped use cases need; torch is imported only to fit one."""
