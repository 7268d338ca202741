// A list that only grows. Adding gives a new list in constant time and leaves the old one as it was: both share their
// items.

export class Sequence<Item> implements Iterable<Item> {
  readonly length: number;
  private readonly items: Item[];

  private constructor(items: Item[], length: number) {
    this.items = items;
    this.length = length;
  }

  static of<Item>(items: readonly Item[] = []): Sequence<Item> {
    return new Sequence([...items], items.length);
  }

  /** The list with one item more. */
  add(item: Item): Sequence<Item> {
    // Another list may have grown from this one already: its items are not touched.
    const items = this.items.length === this.length ? this.items : this.items.slice(0, this.length);
    items.push(item);
    return new Sequence(items, this.length + 1);
  }

  at(index: number): Item | undefined {
    const place = index < 0 ? this.length + index : index;
    return place < this.length ? this.items[place] : undefined;
  }

  *[Symbol.iterator](): Iterator<Item> {
    for (let index = 0; index < this.length; index++) yield this.items[index] as Item;
  }

  toArray(): Item[] {
    return this.items.slice(0, this.length);
  }

  toJSON(): Item[] {
    return this.toArray();
  }
}
