async def write_index(name, manifests, annotations):
    raise NotImplementedError
