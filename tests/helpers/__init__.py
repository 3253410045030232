"""What several test files share; no test is imported by another."""
