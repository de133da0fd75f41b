import { ApiProblem } from './client.ts';

/** Uploads a file with progress, which fetch does not tell. @throws ApiProblem */
export function sendFile<T>(path: string, file: Blob, type: string, onProgress: (share: number) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open('POST', `/api/v1${path}`);
    request.setRequestHeader('x-evenkeel-client', 'dashboard');
    request.setRequestHeader('content-type', type);
    request.upload.onprogress = (event) => onProgress(event.loaded / Math.max(1, event.total));
    request.onerror = () => reject(new ApiProblem(0, { detail: 'The upload was interrupted.' }));
    request.onload = () => {
      const body = JSON.parse(request.responseText || '{}');
      if (request.status < 300) resolve(body);
      else reject(new ApiProblem(request.status, body));
    };
    request.send(file);
  });
}

/** Fetches a file to save it, telling how many bytes have come. @throws ApiProblem */
export async function saveFile(path: string, name: string, onBytes: (bytes: number) => void): Promise<void> {
  const response = await fetch(path, { credentials: 'same-origin', headers: { 'x-evenkeel-client': 'dashboard' } });
  if (!response.ok || response.body === null) {
    throw new ApiProblem(response.status, await response.json().catch(() => ({})));
  }
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let bytes = 0;
  const reader = response.body.getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    chunks.push(part.value);
    bytes += part.value.length;
    onBytes(bytes);
  }
  const url = URL.createObjectURL(new Blob(chunks));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
