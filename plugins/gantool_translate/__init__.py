"""Image-to-image translation: recipes that learn one kind of picture from another."""
