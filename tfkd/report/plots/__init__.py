"""Line plots of a page, as inline SVG."""
