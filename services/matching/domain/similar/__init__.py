"""Problems that are like another one: found by their words and by their meaning, ranked, and explained.

``Precedents`` is the index: problems go in and out, candidates come out. ``ranking`` makes the answer.
"""
