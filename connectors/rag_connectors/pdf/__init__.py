"""Reading a PDF page: words with boxes, their order, their quality, and what pypdf knows of the file's structure."""
