"""Who could be asked, from what is known of everybody: between the store and whoever asks or explains."""
