type Container = Record<string, unknown> | unknown[];

/**
 * Takes prototype keys out of a parsed value, and puts `null` where objects and lists are nested beyond `maxDepth`, in
 * place and without recursion.
 */
export function removeUnsafe(value: unknown, maxDepth: number): void {
  let level = isContainer(value) ? [value] : [];
  for (let depth = 1; depth <= maxDepth && level.length > 0; depth++) {
    level.forEach(removePrototypeKeys);
    if (depth === maxDepth) level.forEach(emptyOfContainers);
    else level = level.flatMap((container) => Object.values(container).filter(isContainer));
  }
}

function isContainer(value: unknown): value is Container {
  return typeof value === 'object' && value !== null;
}

function removePrototypeKeys(container: Container): void {
  if (Array.isArray(container)) return;
  delete container['__proto__'];
  delete container['constructor'];
}

function emptyOfContainers(container: Container): void {
  const fields = container as Record<string, unknown>;
  for (const key of Object.keys(fields)) if (isContainer(fields[key])) fields[key] = null;
}
