"""What reads written pages: lines, rows of cells, labels and values, tables, tick boxes."""
