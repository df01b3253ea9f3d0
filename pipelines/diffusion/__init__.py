"""Pictures from text and from pictures, by diffusion models in safetensors folders."""
