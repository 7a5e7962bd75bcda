"""What comes from elsewhere: a model of Hugging Face, and llama.cpp's own converter."""
