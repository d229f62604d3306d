"""The index on disk: what was read, cut and embedded, so that it is done once.

A build is a folder that is complete before anything points to it, and is never changed after:

    current              the name of the build in use, swapped in one step
    builds/<name>/       named by a hash of what it was made from
        manifest.json    recipe, readings, their health, and the size and hash of every file
        chunks.sqlite    pages, windows, and chunks by row
        vectors.npy      the embeddings: row i belongs to chunk i
        words.npy        the embeddings of the chunks' words, behind each other
        word_starts.npy  at which character of what is searched each word begins
        word_ends.npy    where in these the words of chunk i end
        …                what the vector store and the word index write
    lock, holder         who builds at the moment

A build that dies at any point leaves the index as it was. The build before the one in use stays
until the next, so that a reader that was opening it can go on.

``vectors.npy`` stands beside the vector store's own files, which may be rounded, compressed or on
another machine: what is reused in the next build has to be exact.
"""
