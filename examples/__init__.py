"""Use cases written with the public interface alone."""
