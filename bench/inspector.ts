/** Asks Node's inspector one thing (Chrome DevTools protocol). @param id one that no other open question has */
export async function askInspector(
  socket: WebSocket,
  id: number,
  method: string,
  params: object = {},
): Promise<unknown> {
  const answered = new Promise<{ result?: unknown; error?: { message: string } }>((resolve) => {
    socket.addEventListener('message', function onMessage({ data }) {
      const answer = JSON.parse(data as string) as {
        id?: number;
        result?: unknown;
        error?: { message: string };
      };
      if (answer.id !== id) return;
      socket.removeEventListener('message', onMessage);
      resolve(answer);
    });
  });
  socket.send(JSON.stringify({ id, method, params }));
  const { result, error } = await answered;
  if (error) throw new Error(`${method}: ${error.message}`);
  return result;
}
